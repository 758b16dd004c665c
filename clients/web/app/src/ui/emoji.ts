/** The reactions that are offered, with words to find them by. Any other text of up to 64 bytes is a reaction as well: it can be typed. */
export const QUICK_REACTIONS = ["👍", "❤️", "😂", "🎉", "👀", "🙏"] as const;

export const EMOJI: readonly (readonly [string, string])[] = [
  ["👍", "thumbs up yes good +1"], ["👎", "thumbs down no -1"], ["❤️", "heart love red"], ["😂", "joy laugh tears"], ["🎉", "party tada celebrate"], ["👀", "eyes look"], ["🙏", "thanks please pray"], ["🔥", "fire hot"],
  ["😀", "grin smile happy"], ["😄", "smile happy"], ["😁", "beam grin"], ["😅", "sweat relief"], ["😊", "blush smile"], ["🙂", "slight smile"], ["🙃", "upside down"], ["😉", "wink"],
  ["😍", "heart eyes love"], ["🥰", "love hearts"], ["😘", "kiss"], ["😋", "yum tasty"], ["😎", "cool sunglasses"], ["🤓", "nerd"], ["🤔", "thinking hmm"], ["🤨", "raised eyebrow doubt"],
  ["😐", "neutral"], ["😑", "expressionless"], ["😶", "speechless"], ["🙄", "roll eyes"], ["😏", "smirk"], ["😬", "grimace"], ["😴", "sleep"], ["😌", "relieved"],
  ["😔", "sad pensive"], ["😢", "cry tear"], ["😭", "sob loud cry"], ["😤", "huff"], ["😠", "angry"], ["😡", "rage"], ["🤯", "mind blown"], ["😱", "scream fear"],
  ["😳", "flushed"], ["🥳", "party face"], ["🤩", "star struck"], ["😇", "angel"], ["🤗", "hug"], ["🤝", "handshake deal"], ["👏", "clap applause"], ["🙌", "raised hands hooray"],
  ["💪", "strong muscle"], ["👋", "wave hello bye"], ["✌️", "peace victory"], ["🤞", "fingers crossed luck"], ["👌", "ok perfect"], ["🫡", "salute"], ["🤷", "shrug"], ["🤦", "facepalm"],
  ["✅", "check done yes"], ["❌", "cross no wrong"], ["❗", "exclamation"], ["❓", "question"], ["💯", "hundred"], ["⭐", "star"], ["✨", "sparkles"], ["💡", "idea bulb"],
  ["🚀", "rocket ship launch"], ["🐛", "bug"], ["🔧", "wrench fix"], ["🛠️", "tools"], ["📌", "pin"], ["📎", "paperclip"], ["📝", "memo note"], ["📅", "calendar date"],
  ["⏰", "clock alarm"], ["☕", "coffee tea"], ["🍕", "pizza"], ["🍰", "cake"], ["🍺", "beer"], ["🥂", "cheers"], ["🎂", "birthday"], ["🎁", "gift"],
  ["🌞", "sun"], ["🌧️", "rain"], ["❄️", "snow"], ["🌈", "rainbow"], ["⛵", "sail boat"], ["🏠", "home house"], ["🚲", "bike"], ["✈️", "plane travel"],
  ["🐶", "dog"], ["🐱", "cat"], ["🦊", "fox"], ["🦄", "unicorn"], ["🌱", "plant grow"], ["🌹", "rose"], ["💔", "broken heart"], ["💬", "speech chat"],
];

/** Those whose words begin as the user wrote. */
export function findEmoji(query: string): readonly (readonly [string, string])[] {
  const wanted = query.trim().toLowerCase();
  return wanted === "" ? EMOJI : EMOJI.filter(([, words]) => words.split(" ").some((word) => word.startsWith(wanted)));
}
