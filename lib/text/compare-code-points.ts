/**
 * Orders texts by Unicode code points, as Python and `COLLATE "C"` do: `<` of JavaScript compares UTF-16
 * units, of which those of astral characters come before U+E000.
 */
export function compareCodePoints(left: string, right: string): number {
  if (left === right) return 0
  const length = Math.min(left.length, right.length)
  for (let index = 0; index < length; index++) {
    const [unitLeft, unitRight] = [left.charCodeAt(index), right.charCodeAt(index)]
    if (unitLeft !== unitRight) return rank(unitLeft) - rank(unitRight)
  }
  return left.length - right.length
}

/** Surrogates stand for code points above all others. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}
