import type { RecordWrite } from '../../record-writer.ts'

/** A write, and the places of the records in the request that it stands for. */
export interface DistinctWrite {
  readonly record: RecordWrite
  readonly places: readonly number[]
}

/**
 * Splits records into lists in which no external id and no id is there twice: Salesforce refuses such a
 * collection. Records with exactly the same id become one, whose fields are those of the last. Ids that
 * differ in the case of letters alone may be one or two, as the field has it: they go into different lists.
 */
export function splitDistinct(
  records: readonly RecordWrite[],
): readonly (readonly DistinctWrite[])[] {
  const merged = mergeSame(records)
  const lists: DistinctWrite[][] = []
  const seen: Set<string>[] = []
  for (const write of merged) {
    const name = nameOf(write.record)?.toLowerCase()
    const free = seen.findIndex((names) => name === undefined || !names.has(name))
    const place = free === -1 ? seen.length : free
    const names = (seen[place] ??= new Set())
    const list = (lists[place] ??= [])
    if (name !== undefined) names.add(name)
    list.push(write)
  }
  return lists
}

function mergeSame(records: readonly RecordWrite[]): readonly DistinctWrite[] {
  const byName = new Map<string, { record: RecordWrite; readonly places: number[] }>()
  const all: { record: RecordWrite; readonly places: number[] }[] = []
  for (const [place, record] of records.entries()) {
    const name = nameOf(record)
    const same = name === undefined ? undefined : byName.get(name)
    if (same !== undefined) {
      same.record = {
        ...same.record,
        ...record,
        fields: { ...same.record.fields, ...record.fields },
      }
      same.places.push(place)
      continue
    }
    const write = { record, places: [place] }
    all.push(write)
    if (name !== undefined) byName.set(name, write)
  }
  return all
}

function nameOf({ id, externalId }: RecordWrite): string | undefined {
  if (id !== undefined) return `id ${id}`
  return externalId === undefined ? undefined : `external ${JSON.stringify(externalId)}`
}
