import { emptyDict, has, keys, merged } from './dict.ts'
import { valueError } from './python-error.ts'
import type { Dict } from './value.ts'

/**
 * What a stream is read for at a time: a partition and a part of its cursor's range. In a template it is a dict of both,
 * with the attributes `partition`, `cursor_slice` and `extra_fields`. Immutable.
 */
export class StreamSlice {
  readonly partition: Dict
  readonly cursorSlice: Dict
  /** Of the parent's record, beside the partition: no part of the partition's identity. */
  readonly extraFields: Dict
  /** The dict that templates and others see. */
  readonly merged: Dict

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

  static readonly empty = new StreamSlice({})
}
