"""Air waybills in Cargo-XML: master (XFWB), house (XFZB), and the list of houses under a master (XFHL).

There is no open schema. The elements are those of the published mappings and samples; what a message has beside them is
kept and written back where it stood.
"""

from tidewaiter.messages.cargo_xml.form import CargoXmlForm

__all__ = ["CargoXmlForm"]
