"""Entry summary declarations: the messages IE315 and IE313 of the Import Control System, version 11.2.

An advance filing on safety and security, before loading or arrival: read into a
`Declaration` of the category ENS, which is judged and answered, not assessed.
Source: the schemas that HM Revenue & Customs publishes (CC315A, CC313A v11-2).
"""

from tidewaiter.messages.ens.form import EnsForm

__all__ = ["EnsForm"]
