"""What air waybills have in common, in XML and in teletype text: airports, customs lines, pre-loading data and answers."""
