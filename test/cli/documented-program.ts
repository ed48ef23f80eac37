import type { Command } from 'commander'
import { createProgram } from '../../cli/program.ts'

/** The commands, as they are; none does anything. */
export function documentedProgram(): Command {
  const nothing = (): Promise<void> => Promise.resolve()
  return createProgram({
    version: '1.2.3',
    run: nothing,
    reset: nothing,
    pair: nothing,
    compare: nothing,
    source: nothing,
    destination: nothing,
    catalog: nothing,
    serve: nothing,
    askService: nothing,
    demo: nothing,
    doctor: nothing,
    topics: nothing,
    logout: nothing,
    rotateKey: nothing,
    writeOut: () => undefined,
  })
}
