import { limitError } from '../value/python-error.ts'

/**
 * How much a backtracking engine may have to try, apart from the length of the text. Each is an upper bound.
 */
export interface RegexWork {
  /**
   * Repetitions without an upper limit, which may end anywhere in the text, and references, which may walk
   * all of it.
   */
  readonly loops: number
  /** In how many ways its alternatives and limited repetitions can be taken. */
  readonly choices: number
  /** A repetition of what itself can match in several ways: the number of ways has no useful bound. */
  readonly isNested: boolean
  readonly length: number
}

/**
 * V8 takes twice as long for each further `a?` of `a?a?a?aaa` to compile it (0.2 s for 24, 17 s for 40;
 * 2026-11), and nothing stops it there.
 */
const maxBranchings = 2 ** 24
/** V8 writes a repetition out when it is of no more. */
const maxUnrolled = 3

/** An open part while a pattern is read: the pattern itself, or a group. */
interface Group {
  /** Ways through the alternatives that are complete, and through the one that is read. */
  done: WorkAmount
  current: WorkAmount
  isVaried: boolean
  /** Length of the pattern before it. */
  readonly start: number
}
interface WorkAmount {
  readonly choices: number
  /** As V8 sees it when it compiles: repetitions that it does not write out are one branching. */
  readonly branchings: number
}

const none: WorkAmount = { choices: 0, branchings: 0 }
const oneChoice: WorkAmount = { choices: 1, branchings: 1 }

/** Adds up the work of a pattern while it is read from left to right. */
export class WorkCount {
  #loops = 0
  #isNested = false
  #length = 1
  readonly #pattern: Group = newGroup(0)
  readonly #open: Group[] = []
  /** The part that was read last. A repetition would repeat it. */
  #last: WorkAmount & { readonly isVaried: boolean; readonly length: number } = {
    ...oneChoice,
    isVaried: false,
    length: 0,
  }

  /** @param length of what it is translated to */
  character(length = 1): void {
    this.#length += length
    this.#last = { ...oneChoice, isVaried: false, length }
  }

  /** To what a group matched. */
  reference(): void {
    this.#loops += 1
    this.character()
  }

  openGroup(): void {
    this.#open.push(newGroup(this.#length))
  }

  branch(): void {
    const group = this.#group()
    group.done = sum(group.done, group.current)
    group.current = oneChoice
    group.isVaried = true
  }

  closeGroup(): void {
    const group = this.#open.pop()
    if (group === undefined) return
    const { isVaried } = group
    const length = this.#length - group.start
    this.#last = { ...sum(group.done, group.current), isVaried, length }
    this.#add(this.#last, isVaried)
  }

  /** @param most Infinity if there is no upper limit */
  repetition(least: number, most: number): void {
    const { isVaried, choices, branchings, length } = this.#last
    if (isVaried && most > 1) this.#isNested = true
    const isUnlimited = most === Infinity
    if (isUnlimited) this.#loops += 1
    const range = isUnlimited ? 1 : Math.max(1, most - least + 1)
    const copies = Math.min(isUnlimited ? least + 1 : most, maxUnrolled)
    const repeated = (isUnlimited ? least : most) * Math.max(1, length)
    this.#length += repeated
    const ways = {
      choices: range * choices ** Math.max(0, copies - 1),
      branchings:
        (most <= maxUnrolled ? range : Math.min(range, 2)) * branchings ** Math.max(0, copies - 1),
    }
    this.#add(ways, most > 1 || least !== most)
    this.#last = { ...ways, isVaried: true, length: length + repeated }
  }

  /** Throws when the pattern may not be compiled. */
  total(): RegexWork {
    const { choices, branchings } = [...this.#open, this.#pattern]
      .map((group) => sum(group.done, group.current))
      .reduce(product)
    if (branchings > maxBranchings)
      throw limitError(
        'The regular expression has too many alternatives and optional parts. Split it into several.',
      )
    return {
      loops: this.#loops,
      choices,
      isNested: this.#isNested,
      length: this.#length,
    }
  }

  #group(): Group {
    return this.#open.at(-1) ?? this.#pattern
  }

  #add(ways: WorkAmount, isVaried: boolean): void {
    const group = this.#group()
    group.current = product(group.current, ways)
    group.isVaried ||= isVaried
  }
}

function newGroup(start: number): Group {
  return { done: none, current: oneChoice, isVaried: false, start }
}

function sum(a: WorkAmount, b: WorkAmount): WorkAmount {
  return { choices: a.choices + b.choices, branchings: a.branchings + b.branchings }
}

function product(a: WorkAmount, b: WorkAmount): WorkAmount {
  return { choices: a.choices * b.choices, branchings: a.branchings * b.branchings }
}
