"""Numbers and dates where Django writes them differently from CLDR, which browsers follow."""
