import {
  exactNumber,
  isRawJson,
  type RecordData,
  type RecordValue,
} from '../../../protocol/index.ts'
import type { SalesforceField } from './objects.ts'
import { deletedAt } from './objects.ts'

type ReadValue = (value: RecordValue) => RecordValue

/** Makes the records of a stream from what the APIs send. */
export class RecordValues {
  readonly #fields: readonly SalesforceField[]
  readonly #deletedFrom: string | undefined

  /**
   * @param fields those of the stream's columns
   * @param deletedFrom the field whose value is the time of a deletion, if the stream has a column for it
   */
  constructor(fields: readonly SalesforceField[], deletedFrom: string | undefined) {
    this.#fields = fields
    this.#deletedFrom = deletedFrom
  }

  /** A record of the REST API. */
  fromJson(row: RecordData): RecordData {
    const values = this.#fields.flatMap(({ name, type }): [string, RecordValue][] => {
      const value = row[name]
      return value === undefined ? [] : [[name, (jsonReaders[type] ?? asText)(value)]]
    })
    return { ...Object.fromEntries(values), ...this.#deletion(row) }
  }

  /** A row of the Bulk API, by the names of its columns: empty is null. */
  fromTexts(row: Readonly<Record<string, string>>): RecordData {
    const values = this.#fields.flatMap(({ name, type }): [string, RecordValue][] => {
      const value = row[name]
      if (value === undefined) return []
      return [[name, value === '' ? null : (textReaders[type]?.(value) ?? value)]]
    })
    const isDeleted = row.IsDeleted === 'true'
    return { ...Object.fromEntries(values), ...this.#deletion({ ...row, IsDeleted: isDeleted }) }
  }

  /** A record of which only its deletion is left. */
  purged(id: string, time: string): RecordData {
    const known: RecordData = { Id: id, [this.#deletedFrom ?? '']: time, IsDeleted: true }
    const values = this.#fields.flatMap(({ name }) =>
      known[name] === undefined ? [] : [[name, known[name]] as const],
    )
    return { ...Object.fromEntries(values), [deletedAt]: time }
  }

  #deletion(row: RecordData): RecordData {
    if (this.#deletedFrom === undefined) return {}
    const time = row.IsDeleted === true ? moment(row[this.#deletedFrom] ?? null) : null
    return { [deletedAt]: time }
  }
}

const moment: ReadValue = (value) =>
  typeof value === 'string' ? value.replace(/\+0000$/, 'Z') : value

/** Salesforce says that a time has no zone by one that is always UTC. */
const time: ReadValue = (value) => (typeof value === 'string' ? value.replace(/Z$/, '') : value)

const same: ReadValue = (value) => value

/** A field of any type is text. */
const asText: ReadValue = (value) => {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value === 'bigint') return String(value)
  return isRawJson(value) ? value.rawJSON : value
}

const jsonReaders: Readonly<Record<string, ReadValue | undefined>> = {
  boolean: same,
  int: same,
  long: same,
  double: same,
  currency: same,
  percent: same,
  datetime: moment,
  time,
}

type ReadText = (text: string) => RecordValue

/** Text that is no number stays as it is: the destination notes it. */
const numberOf: ReadText = (text) =>
  /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text) ? exactNumber(text) : text

const textReaders: Readonly<Record<string, ReadText | undefined>> = {
  boolean: (text) => text === 'true',
  int: numberOf,
  long: numberOf,
  double: numberOf,
  currency: numberOf,
  percent: numberOf,
  datetime: (text) => moment(text),
  time: (text) => time(text),
}
