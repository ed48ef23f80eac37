import { callNative, type Native } from '../native.ts'
import type { Budget } from '../budget.ts'
import type { Operand } from '../operand.ts'
import type { Keywords } from '../../value/value.ts'

/** The object on which a method works. */
export interface Receiver<Self> {
  readonly self: Self
  readonly budget: Budget
}
export type Method<Self> = Native<Receiver<Self>>
export type Methods<Self> = ReadonlyMap<string, Method<Self>>
/** A method of an object, to be called with arguments. */
export type BoundMethod = (args: readonly Operand[], keywords: Keywords, budget: Budget) => Operand

export function methods<Self>(table: Readonly<Record<string, Method<Self>>>): Methods<Self> {
  return new Map(Object.entries(table))
}

export function bound<Self>(method: Method<Self>, self: Self): BoundMethod {
  return (args, keywords, budget) => callNative(method, { args, keywords }, { self, budget })
}
