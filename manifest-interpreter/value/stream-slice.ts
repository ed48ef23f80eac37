import { emptyDict, has, isEmpty, keys, merged } from './dict.ts'
import { valueError } from './python-error.ts'
import { PyObject, type Dict, type Value } from './value.ts'

/**
 * The unit in which a stream is read: a partition and a part of its cursor's range. In a template it is a
 * dict of both, with the attributes `partition`, `cursor_slice` and `extra_fields`. Immutable.
 */
export class StreamSlice {
  readonly partition: Dict
  readonly cursorSlice: Dict
  /** Fields of the parent's record, beside the partition: no part of the partition's identity. */
  readonly extraFields: Dict
  /** The dict that templates and others see. */
  readonly merged: Dict
  #object: PyObject | undefined

  constructor(parts: {
    readonly partition?: Dict
    readonly cursorSlice?: Dict
    readonly extraFields?: Dict
  }) {
    this.partition = parts.partition ?? emptyDict()
    this.cursorSlice = parts.cursorSlice ?? emptyDict()
    this.extraFields = parts.extraFields ?? emptyDict()
    if (keys(this.partition).some((key) => has(this.cursorSlice, key))) {
      throw valueError('Keys for partition and incremental sync cursor should not overlap')
    }
    this.merged = merged(this.partition, this.cursorSlice)
  }

  /** The object that a template sees: a mapping, true even if it has only extra fields. */
  get object(): PyObject {
    this.#object ??= new PyObject({
      type: 'StreamSlice',
      mapping: () => this.merged,
      truth: () => !isEmpty(this.merged) || !isEmpty(this.extraFields),
      attribute: (name) => this.#attribute(name),
    })
    return this.#object
  }

  #attribute(name: string): Value | undefined {
    switch (name) {
      case 'partition':
      case '_partition':
        return this.partition
      case 'cursor_slice':
        return this.cursorSlice
      case 'extra_fields':
        return this.extraFields
      default:
        return undefined
    }
  }

  static readonly empty = new StreamSlice({})
}
