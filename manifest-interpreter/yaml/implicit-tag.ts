/**
 * The type that an unquoted scalar has by its looks: YAML 1.1 as PyYAML reads it, which is not all of YAML
 * 1.1.
 */
export type ImplicitTag =
  'bool' | 'float' | 'int' | 'merge' | 'null' | 'timestamp' | 'value' | 'str'

const bool = /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/
const float =
  /^(?:[-+]?\d[\d_]*\.[\d_]*(?:[eE][-+]\d+)?|\.\d[\d_]*(?:[eE][-+]\d+)?|[-+]?\d[\d_]*(?::[0-5]?\d)+\.[\d_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/
const int =
  /^(?:[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][\d_]*)|[-+]?0x[\da-fA-F_]+|[-+]?[1-9][\d_]*(?::[0-5]?\d)+)$/
const timestamp =
  /^(?:\d{4}-\d\d-\d\d|\d{4}-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?)$/

export function implicitTag(text: string): ImplicitTag {
  if (isDigit(text.charCodeAt(0))) {
    return numberTag(text) ?? (timestamp.test(text) ? 'timestamp' : 'str')
  }
  const known = text.length <= longestSymbol ? symbols.get(text) : undefined
  if (known !== undefined) return known
  const first = text.charAt(0)
  if (first === '-' || first === '+' || first === '.') return numberTag(text) ?? 'str'
  return wordTag(text)
}

const symbols = new Map<string, ImplicitTag>([
  ['', 'null'],
  ['~', 'null'],
  ['<<', 'merge'],
  ['=', 'value'],
])

const longestSymbol = 2

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

function numberTag(text: string): 'int' | 'float' | undefined {
  if (float.test(text)) return 'float'
  return int.test(text) ? 'int' : undefined
}

function wordTag(text: string): ImplicitTag {
  if (text.length > 5) return 'str'
  if (text === 'null' || text === 'Null' || text === 'NULL') return 'null'
  return bool.test(text) ? 'bool' : 'str'
}
