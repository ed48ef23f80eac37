/**
 * The text as one word of a POSIX shell, in a command that people paste: names may be chosen by strangers.
 */
export function shellWord(text: string): string {
  return /^[\w.,:@%+=/-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
