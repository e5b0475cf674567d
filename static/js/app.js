// Every page loads this; an element does nothing until its tag appears.
import { ChatAnswer } from "./elements/answer.js"
import { BlindSwitch } from "./elements/blind.js"
import { ChatComposer } from "./elements/composer.js"
import { CopyButton } from "./elements/copy.js"
import { ChatFrame } from "./elements/frame.js"
import { ChatLanes } from "./elements/lanes.js"
import { MoreRows } from "./elements/more.js"
import { CommandPalette } from "./elements/palette.js"
import { ModelPicker } from "./elements/picker.js"
import { ChatQuestion } from "./elements/question.js"
import { ChatScroll } from "./elements/scroll.js"
import { ModelSets } from "./elements/sets.js"
import { ChatSidebar } from "./elements/sidebar.js"
import { ConnectionStatus } from "./elements/status.js"
import { LaneTabs } from "./elements/tabs.js"
import { KeptChats } from "./elements/kept.js"
import { ThemeSwitch } from "./elements/theme.js"
import { AnswerThumbs } from "./elements/thumbs.js"
import { ChatTurns } from "./elements/turns.js"
import { TurnVerdict } from "./elements/verdict.js"
import { prepareForOffline } from "./offline.js"

customElements.define("theme-switch", ThemeSwitch)
customElements.define("copy-button", CopyButton)
customElements.define("connection-status", ConnectionStatus)
customElements.define("model-picker", ModelPicker)
customElements.define("model-sets", ModelSets)
customElements.define("chat-composer", ChatComposer)
customElements.define("chat-answer", ChatAnswer)
customElements.define("chat-lanes", ChatLanes)
customElements.define("lane-tabs", LaneTabs)
customElements.define("turn-verdict", TurnVerdict)
customElements.define("answer-thumbs", AnswerThumbs)
customElements.define("blind-switch", BlindSwitch)
customElements.define("chat-question", ChatQuestion)
customElements.define("chat-turns", ChatTurns)
customElements.define("chat-scroll", ChatScroll)
customElements.define("more-rows", MoreRows)
customElements.define("chat-sidebar", ChatSidebar)
customElements.define("command-palette", CommandPalette)
customElements.define("chat-frame", ChatFrame)
customElements.define("kept-chats", KeptChats)

// Not before the page is there: it needs nothing of this.
addEventListener("load", () => setTimeout(prepareForOffline, 1000))
