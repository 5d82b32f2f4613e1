"""Officers' pages: lists, one parcel, messages, the law."""
