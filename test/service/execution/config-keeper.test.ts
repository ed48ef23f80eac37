import { expect, test } from 'vitest'
import { ConnectError, type JsonObject } from '../../../protocol/index.ts'
import { ConfigKeeper } from '../../../service/execution/config-keeper.ts'

test('what changed is kept one after the other, the last change in any case', async () => {
  const kept: JsonObject[] = []
  let isBusy = false
  const keeper = new ConfigKeeper(
    async (config) => {
      expect(isBusy).toBe(false)
      isBusy = true
      await new Promise(setImmediate)
      kept.push(config)
      isBusy = false
    },
    () => undefined,
  )
  for (let token = 1; token <= 5; token++) keeper.noteChange({ token })
  await keeper.waitUntilSettled()
  keeper.noteChange({ token: 6 })
  await keeper.waitUntilSettled()
  expect(kept.at(-1)).toEqual({ token: 6 })
  expect(kept).toContainEqual({ token: 5 })
})

test('a vault that is away for a moment is asked again; a refusal is told', async () => {
  const failures: ConnectError[] = []
  const answers = ['vault_unreachable', 'kept', 'vault_refused'] as const
  let asked = 0
  const keeper = new ConfigKeeper(
    async () => {
      const answer = answers[asked++]
      await Promise.resolve()
      if (answer !== 'kept' && answer !== undefined) throw new ConnectError(answer)
    },
    (error) => void failures.push(error),
  )
  keeper.noteChange({ token: 1 })
  await keeper.waitUntilSettled()
  expect({ asked, failures }).toEqual({ asked: 2, failures: [] })
  keeper.noteChange({ token: 2 })
  await keeper.waitUntilSettled()
  expect(failures).toMatchObject([{ code: 'vault_refused' }])
})
