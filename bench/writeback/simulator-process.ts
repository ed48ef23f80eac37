import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export interface SimulatorProcess extends AsyncDisposable {
  readonly url: string
  /** Forgets all accounts, and returns how many there were, and how many of them had a code of their own. */
  take(): Promise<{ readonly accounts: number; readonly codes: number }>
}

/** Salesforce in a process of its own: what it does is not on the bill of the programs. */
export async function startSimulator(): Promise<SimulatorProcess> {
  const child = fork(fileURLToPath(new URL('simulator-program.ts', import.meta.url)), {
    execArgv: ['--max-old-space-size=8192'],
  })
  const ask = async (question: string): Promise<unknown> => {
    const answer = once(child, 'message')
    child.send(question)
    return (await answer)[0]
  }
  const { url } = (await ask('url')) as { url: string }
  return {
    url,
    take: async () => (await ask('take')) as { accounts: number; codes: number },
    [Symbol.asyncDispose]: async () => {
      const exited = once(child, 'exit')
      child.kill()
      await exited
    },
  }
}
