import { describe, test } from 'vitest'
import { usuallyThird } from '../../support/long.ts'
import { bookkeepingCases } from './bookkeeping-contract.ts'
import { killCases } from './kills-contract.ts'
import { modeCases } from './modes-contract.ts'
import type { ContractCase, DestinationSubject } from './subject.ts'

/**
 * The guarantees of every destination: sinks/sink.ts. The usual run has a third of the cases of a destination
 * with a server, and a ninth of the kills: with another `turn`, others of them. A destination without a
 * server takes all of them, always.
 */
export function destinationContract(subject: DestinationSubject, turn: number | 'all'): void {
  describe(`the contract of a destination: ${subject.name}`, () => {
    const third = (cases: readonly ContractCase[]): readonly ContractCase[] =>
      turn === 'all' ? cases : usuallyThird(turn, cases)
    const cases = [...modeCases(subject), ...bookkeepingCases()]
    test.each([...third(cases), ...third(third(killCases(subject)))])(
      '$name',
      async ({ check }) => {
        await check(await subject.makePlace())
      },
    )
  })
}
