import { pino } from 'pino'
import { expect, test } from 'vitest'
import { ConnectError, type AirbyteCatalog } from '../../../protocol/index.ts'
import { Execution } from '../../../service/execution/execution.ts'
import { newTexts } from '../../../protocol/secrets/mask.ts'
import type { MaskedLine } from '../../../service/execution/masked-logger.ts'

const secret = 'p@ss "word"'
const forms = [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]

function execution(): { work: Execution; own: string[]; lines: MaskedLine[] } {
  const own: string[] = []
  const lines: MaskedLine[] = []
  const logger = pino({ level: 'trace' }, { write: (line) => void own.push(line) })
  const facts = { run: 'run_1', connection: 'shop' }
  const work = new Execution({ logger, facts, onLine: (line) => void lines.push(line) })
  work.hide([secret, 'abc'])
  return { work, own, lines }
}

test('a secret is in no line, in whatever form and place, and short words stay', () => {
  const { work, own, lines } = execution()
  work.logger.info({ url: `https://x/?k=${encodeURIComponent(secret)}` }, `refused ${secret}`)
  const error = Object.assign(new Error(`wrong: ${secret}`), { internalMessage: secret })
  work.logger.error({ err: error, deep: [{ of: [secret] }] }, 'abc')
  expect(lines).toMatchObject([
    { level: 'info', message: 'refused ***', fields: { url: 'https://x/?k=***' } },
    { level: 'error', message: 'abc', fields: { err: { message: 'wrong: ***' } } },
  ])
  for (const form of forms) expect(JSON.stringify(lines) + own.join('')).not.toContain(form)
  expect(JSON.stringify(lines)).not.toContain('execution.test.ts')
  expect(own.join('')).toContain('execution.test.ts')
})

test('a line has each name once: the name of what is executed wins', () => {
  const { work, own } = execution()
  const child = work.logger.child({ connection: 'sbx_1' }).child({ connection: 'sbx_2', lane: 1 })
  child.trace({ connection: 'sbx_3' }, 'a line')
  expect(own.join('').match(/"connection":/g)).toHaveLength(1)
  expect(JSON.parse(own.join(''))).toMatchObject({
    level: 10,
    run: 'run_1',
    connection: 'shop',
    lane: 1,
    msg: 'a line',
  })
})

test('the stored log of a run has its lines also if the process logs only what is wrong', () => {
  const own: string[] = []
  const lines: MaskedLine[] = []
  const logger = pino({ level: 'error' }, { write: (line) => void own.push(line) })
  const onLine = (line: MaskedLine): void => void lines.push(line)
  const work = new Execution({ logger, level: 'info', facts: {}, onLine })
  work.logger.debug('left out')
  work.logger.info('a line')
  expect(lines).toMatchObject([{ level: 'info', message: 'a line' }])
  expect(own).toEqual([])
})

test('an error has no secret in its details, its message and its cause', () => {
  const { work } = execution()
  const refused = new ConnectError('source_unreachable', {
    details: { reason: secret, deep: { list: [secret] } },
    cause: new Error(secret),
  })
  const unexpected = new TypeError(`no ${secret}`)
  for (const thrown of [refused, unexpected]) {
    const error = work.error(thrown)
    const cause =
      error.cause instanceof Error ? `${error.cause.message}${error.cause.stack ?? ''}` : ''
    for (const form of forms)
      expect(`${JSON.stringify(error)}${error.stack ?? ''}${cause}`).not.toContain(form)
  }
  expect(work.error(unexpected).cause).toMatchObject({ name: 'TypeError', message: 'no ***' })
  const outcome = work.maskOutcome({ warnings: [secret], error: refused.toJSON(), read: 1 })
  expect(outcome).toMatchObject({
    warnings: ['***'],
    error: { details: { reason: '***' } },
    read: 1,
  })
})

test('a catalog has no secret in what is said in it; names, numbers and keywords stay', () => {
  const { work } = execution()
  work.hide(['1000', 'true', 'orders', 'string'])
  const catalogWith = (said: string): AirbyteCatalog => ({
    streams: [
      {
        name: 'orders',
        supported_sync_modes: ['full_refresh'],
        json_schema: {
          type: 'object',
          additionalProperties: true,
          required: ['orders'],
          properties: {
            orders: { type: 'string', maxLength: 1000, description: said, default: said },
            description: { type: ['null', 'string'], enum: [said], 'x-note': { deep: [said] } },
          },
        },
      },
    ],
  })
  const catalog = catalogWith(`it is ${secret}`)
  expect(work.answer({ question: 'discover', catalog })).toEqual({
    question: 'discover',
    catalog: catalogWith('it is ***'),
  })
  expect(
    work.answer({ question: 'check', status: { status: 'FAILED', message: `no ${secret}` } }),
  ).toEqual({ question: 'check', status: { status: 'FAILED', message: 'no ***' } })
})

test('the texts that a source changed in its configuration are known as new', () => {
  const before = { token: 'old', user: 'ada', deep: { list: ['x'] } }
  const after = { token: 'new', user: 'ada', deep: { list: ['x', 'y'] }, until: 5 }
  expect(newTexts(after, before)).toEqual(['new', 'y'])
})

test('a long secret stops neither an error nor a line of the log', () => {
  const { work, own, lines } = execution()
  const token = '!@#$%'.repeat(20_000)
  work.hidePassing(token)
  const error = work.error(new ConnectError('source_refused', { details: { reason: token } }))
  expect(error.details.reason).toMatch(/^\*\*\*… \(cut: 100,000 characters\)$/)
  work.logger.error({ reason: token, err: new Error(token) }, `refused ${token}`)
  expect(lines).toMatchObject([
    { level: 'error', message: expect.stringMatching(/^refused \*\*\*/) as unknown },
  ])
  expect(own.join('')).not.toContain('!@#$%')
})

test('what a vendor said is shown by its beginning, in errors, warnings and lines', () => {
  const { work, own, lines } = execution()
  const said = 'm'.repeat(3_000_000)
  const details = { reason: said, deep: { list: [said] } }
  const error = work.error(new ConnectError('source_refused', { details }))
  expect(error.message).toContain('mmm… (cut: 3,000,000 characters)')
  expect(JSON.stringify(error).length).toBeLessThan(10_000)
  const outcome = work.maskOutcome({ warnings: [said], error: error.toJSON() })
  expect(JSON.stringify(outcome).length).toBeLessThan(12_000)
  const status = { status: 'FAILED' as const, message: said }
  expect(JSON.stringify(work.answer({ question: 'check', status })).length).toBeLessThan(3_000)
  work.logger.warn({ said, deep: { said } }, said)
  expect(JSON.stringify(lines).length).toBeLessThan(10_000)
  expect(own.join('').length).toBeLessThan(10_000)
})

test('a line that cannot be written throws nothing, and says so without its texts', () => {
  const own: string[] = []
  const logger = pino({ level: 'trace' }, { write: (line) => void own.push(line) })
  const onLine = (): void => {
    throw new RangeError(`broken by ${secret}`)
  }
  const work = new Execution({ logger, facts: { run: 'run_1' }, onLine })
  work.hide([secret])
  work.logger.info(`a line with ${secret}`)
  expect(own.at(-1)).toContain('"run":"run_1","failure":"RangeError"')
  expect(own.join('')).not.toContain('word')
})
