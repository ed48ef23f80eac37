import { own, type RecordData, type RecordValue } from '../json.ts'
import { conditionTest } from './evaluate-condition.ts'
import { maskOf, type MaskValue } from './mask-value.ts'
import type { KeyedRules } from './record-rules.ts'

/**
 * A function that returns the record as the rules let it pass, under its new names, or undefined if the
 * condition is not true. The fields of the result are declared ones first.
 */
export function recordRuler(rules: KeyedRules): (record: RecordData) => RecordData | undefined {
  const { columns, where, passesUndeclared, excluded, hashKey } = rules
  const passes = where === undefined ? () => true : conditionTest(where)
  const fields = columns.map(({ name, newName, kind, mask }) => ({
    name,
    newName,
    hide: mask && { mask: mask.as, value: maskOf(mask, kind, hashKey) },
  }))
  // A field of a new name would be taken for the renamed one.
  const known = new Set([...fields.flatMap(({ name, newName }) => [name, newName]), ...excluded])
  return (record) => {
    if (!passes(record)) return undefined
    const entries: [string, RecordValue | undefined][] = []
    for (const { name, newName, hide } of fields) {
      const value = own(record, name)
      if (value !== undefined) entries.push([newName, hide ? hidden(value, hide) : value])
    }
    if (passesUndeclared)
      for (const [name, value] of Object.entries(record))
        if (!known.has(name)) entries.push([name, value])
    // fromEntries defines properties, so that a field named __proto__ is one.
    return Object.fromEntries(entries)
  }
}

/** A constant says nothing about a value, not even whether there is one. */
function hidden(
  value: RecordValue,
  { mask, value: valueOf }: { readonly mask: string; readonly value: MaskValue },
): RecordValue {
  if (value === null) return mask === 'constant' ? valueOf(false) : null
  return valueOf(value)
}
