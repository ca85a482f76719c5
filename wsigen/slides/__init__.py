"""Everything that reads or writes slides; nothing here needs torch."""

