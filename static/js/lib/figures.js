// Numbers and times in a reader's language, as chat/figures.py writes them. Arabic with the digits that are common
// to the whole interface.
const tag = language => `${language}-u-nu-latn`

export const number = (language, value, digits = 0) =>
  new Intl.NumberFormat(tag(language), { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value)

export const moment = (language, time, form) => new Intl.DateTimeFormat(tag(language), form).format(time)
