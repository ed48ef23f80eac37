const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const suffixes = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345'

/** An id of 18 characters: the prefix of the object, a number, and a check of the case of its letters. */
export function recordId(prefix: string, number: number): string {
  let rest = number
  let text = ''
  for (let place = 0; place < 9; place += 1) {
    text = (digits[rest % digits.length] ?? '') + text
    rest = Math.floor(rest / digits.length)
  }
  const id = `${prefix}Hs0${text}`
  return id + suffixOf(id)
}

function suffixOf(id: string): string {
  return [0, 5, 10]
    .map((start) => {
      const bits = Array.from(id.slice(start, start + 5), (letter) => /[A-Z]/.test(letter))
      return suffixes[bits.reduce((sum, bit, place) => sum + (bit ? 1 << place : 0), 0)] ?? ''
    })
    .join('')
}
