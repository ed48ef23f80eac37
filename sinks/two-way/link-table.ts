import type { SideChange } from './side-change.ts'

/** The step that a linked record needs. `decide-link.ts` takes it. */
export type LinkStep =
  | 'nothing'
  /** One side has changed, and the other must be read before anything is decided. */
  | 'read_a'
  | 'read_b'
  | 'create_on_a'
  | 'create_on_b'
  /** Both are there, and one of them was never compared: there is no base, so any difference counts. */
  | 'align'
  | 'merge'
  /** The counterpart is gone, and this one has not changed: the policy of deletions decides. */
  | 'delete_on_a'
  | 'delete_on_b'
  /** The counterpart is gone, and this one was edited: a conflict. */
  | 'edited_a_deleted_b'
  | 'deleted_a_edited_b'
  /** Both are gone: the link becomes a tombstone. */
  | 'bury'
  /** It was deleted on both sides, and one of them has it again. */
  | 'restore_on_a'
  | 'restore_on_b'
  /** One side cannot be seen: nothing is written until it can. */
  | 'hold'

type Row = Readonly<Record<SideChange, LinkStep>>

/** By the change of side a, then by that of side b. */
const table: Readonly<Record<SideChange, Row>> = {
  unread: {
    unread: 'nothing',
    never: 'nothing',
    new: 'read_a',
    same: 'nothing',
    edited: 'read_a',
    deleted: 'read_a',
    gone: 'nothing',
    back: 'read_a',
    hidden: 'nothing',
  },
  never: {
    unread: 'nothing',
    never: 'nothing',
    new: 'create_on_a',
    same: 'create_on_a',
    edited: 'create_on_a',
    deleted: 'bury',
    gone: 'nothing',
    back: 'create_on_a',
    hidden: 'nothing',
  },
  new: {
    unread: 'read_b',
    never: 'create_on_b',
    new: 'align',
    same: 'align',
    edited: 'align',
    deleted: 'edited_a_deleted_b',
    gone: 'restore_on_b',
    back: 'align',
    hidden: 'hold',
  },
  same: {
    unread: 'nothing',
    never: 'create_on_b',
    new: 'align',
    same: 'nothing',
    edited: 'merge',
    deleted: 'delete_on_a',
    gone: 'nothing',
    back: 'merge',
    hidden: 'nothing',
  },
  edited: {
    unread: 'read_b',
    never: 'create_on_b',
    new: 'align',
    same: 'merge',
    edited: 'merge',
    deleted: 'edited_a_deleted_b',
    gone: 'nothing',
    back: 'merge',
    hidden: 'hold',
  },
  deleted: {
    unread: 'read_b',
    never: 'bury',
    new: 'deleted_a_edited_b',
    same: 'delete_on_b',
    edited: 'deleted_a_edited_b',
    deleted: 'bury',
    gone: 'bury',
    back: 'deleted_a_edited_b',
    hidden: 'hold',
  },
  gone: {
    unread: 'nothing',
    never: 'nothing',
    new: 'restore_on_a',
    same: 'nothing',
    edited: 'nothing',
    deleted: 'bury',
    gone: 'nothing',
    back: 'restore_on_a',
    hidden: 'nothing',
  },
  back: {
    unread: 'read_b',
    never: 'create_on_b',
    new: 'align',
    same: 'merge',
    edited: 'merge',
    deleted: 'edited_a_deleted_b',
    gone: 'restore_on_b',
    back: 'merge',
    hidden: 'hold',
  },
  hidden: {
    unread: 'nothing',
    never: 'nothing',
    new: 'hold',
    same: 'nothing',
    edited: 'hold',
    deleted: 'hold',
    gone: 'nothing',
    back: 'hold',
    hidden: 'nothing',
  },
}

export function linkStep(a: SideChange, b: SideChange): LinkStep {
  return table[a][b]
}
