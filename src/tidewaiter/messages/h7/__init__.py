"""EU low-value declarations (data set H7) in the schema of the Danish Customs Agency, version 1.9.

Source: DMS_H7_V1.9.xsd with its amendment and correction, invalidation and repayment
schemas (EUCDM 6.1). Repayment applications are kept whole in the extras. Declarations of
data set I2 (presentation) come in the same form and are read with it.
"""

from tidewaiter.messages.h7.form import H7Form

__all__ = ["H7Form"]
