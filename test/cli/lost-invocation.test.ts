import { describe, expect, test } from 'vitest'
import { scriptedService } from '../service/codegen/scripted-service.ts'
import { reactor } from './service-command-line.ts'

/** What the command says when the connection to the service is cut after it was sent. */
async function lostBy(...flags: readonly string[]): Promise<string> {
  await using service = await scriptedService([{ status: 'cut' }])
  const line = [
    'connect',
    'actions',
    'invoke',
    'my-slack',
    'postMessage',
    '--input',
    '{"text":"a"}',
  ]
  const environment = { HOME: '/nowhere', REACTOR_CONNECT_URL: service.url }
  const { code, err } = await reactor([...line, ...flags], { environment })
  expect(code).toBe(1)
  expect(service.seen).toHaveLength(1)
  return err
}

describe('an action whose response is lost on the way from the service', () => {
  test('may have been carried out', async () => {
    const told = await lostBy('--yes')
    expect(told).toContain(
      'It is not known whether the vendor of my-slack carried out postMessage: The service at',
    )
    expect(told).toContain('[action_outcome_unknown]')
    expect(told).toContain('Look at the vendor of my-slack whether it was done.')
    expect(told).not.toContain('reactor connect serve')
  })

  test('is invoked again under its key', async () => {
    const told = await lostBy('--yes', '--idempotency-key', 'k1')
    expect(told).toContain('[service_unreachable]')
    expect(told).toContain('Repeat the command with the same --idempotency-key')
  })

  test('did nothing if it was a dry-run', async () => {
    const told = await lostBy('--dry-run')
    expect(told).toContain('[service_unreachable]')
    expect(told).toContain('reactor connect serve')
  })
})
