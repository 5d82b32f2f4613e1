"""WCO Data Model 3.6 declarations as HM Revenue & Customs customised them (Customs Declaration Service).

Source: WCO_DEC_2_DMS.xsd 2.15, CANCEL.xsd 2.3, DocumentMetaData_2_DMS.xsd 2.1. Originals,
amendments (COR), cancellations (INV) and goods presentations (GPR) are one document type
told apart by FunctionCode and TypeCode.
"""

from tidewaiter.messages.wco_dm.amendments import apply_amendment
from tidewaiter.messages.wco_dm.form import WcoDmForm

__all__ = ["WcoDmForm", "apply_amendment"]
