// What a tool found, as something to look at rather than to decipher. Most tools only say that they are done.
import { number, say, stamp } from "../strings.js"

const SHOW = { get_weather: weather }

// Nodes to put below the tool's line.
export function shown(name, result) {
  const node = SHOW[name]?.(result)
  return node ? [node] : []
}

function weather(found) {
  if (!Array.isArray(found?.hours)) return null
  const card = stamp("weather-template")
  const put = (field, text) => (card.querySelector(`[data-field=${field}]`).textContent = text)
  put("temperature", degrees(found.temperature))
  put("place", found.place)
  put("sky", say(`sky ${found.sky}`))
  card.querySelector(".weather__hours").append(
    ...found.hours.map(hour => {
      const item = document.createElement("li")
      const time = document.createElement("span")
      const temperature = document.createElement("b")
      time.textContent = String(hour.time).slice(11, 16)
      temperature.textContent = degrees(hour.temperature)
      item.append(time, temperature)
      return item
    }),
  )
  return card
}

const degrees = value => `${number(Math.round(value))}°`
