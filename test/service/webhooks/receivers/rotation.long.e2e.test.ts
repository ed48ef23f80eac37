import { randomBytes, randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { standardWebhooks } from '../../../../connectors/webhook-signature.ts'
import { signedHeaders } from '../../../../service/webhooks/signature/sign.ts'
import {
  newReceiverDocument,
  receiverDocument,
  receiverWithSecretsDocument,
} from '../../../../service/webhooks/receivers/schema.ts'
import { seededRandom } from '../../../support/random.ts'
import { serviceFolder, type ServiceProcess } from '../../../support/service-process.ts'

const rounds = Number(process.env.ROTATION_ROUNDS ?? 3)
const seed = Number(process.env.ROTATION_SEED ?? randomInt(1_000_000))
/** The number of rotations of each kind in a round; one more after the kill is still allowed. */
const rotations = 3
/** Longer than a round. */
const graceSeconds = 3_600
/** From the response before to the kill: a rotation takes 5 to 50 ms. */
const longestMs = 40

const newSecret = (): string => `whsec_${randomBytes(24).toString('base64')}`

/**
 * The promises about a receiver in the responses of the service: all of them are valid for the rest of the
 * round.
 */
interface Promised {
  readonly name: string
  readonly secrets: string[]
  /** Paths: another start may have another port. */
  readonly addresses: string[]
  /** The latest end that a response named. */
  previousSecretUntil: string | null
}

async function makeReceiver(service: ServiceProcess, name: string): Promise<Promised> {
  const secret = newSecret()
  const body = { name, dispatch: [{ target: 'job:none' }], signing_secret: secret }
  const { ingress_url: address } = await service.ask(newReceiverDocument, '/receivers', { body })
  return { name, secrets: [secret], addresses: [address], previousSecretUntil: null }
}

async function rotateSecret(service: ServiceProcess, promised: Promised): Promise<void> {
  const secret = newSecret()
  const answer = await service.ask(
    receiverWithSecretsDocument,
    `/receivers/${promised.name}/secret`,
    { body: { signing_secret: secret, grace_seconds: graceSeconds } },
  )
  promised.secrets.unshift(secret)
  promised.previousSecretUntil = answer.previous_secret_until
}

async function rotateToken(service: ServiceProcess, promised: Promised): Promise<void> {
  const { ingress_url: address } = await service.ask(
    newReceiverDocument,
    `/receivers/${promised.name}/rotate-token`,
    { body: { grace_seconds: graceSeconds } },
  )
  promised.addresses.unshift(address)
}

/** Rotates until the service is gone: the response to the last rotation may be lost. */
async function rotateUntilKilled(rotate: () => Promise<void>): Promise<boolean> {
  for (let count = 0; count < rotations; count++) {
    const isAnswered = await rotate().then(
      () => true,
      (error: unknown) => {
        if (error instanceof TypeError) return false // fetch throws it if the connection breaks.
        throw error
      },
    )
    if (!isAnswered) return false
  }
  return true
}

let sent = 0

/** The status for a vendor that uses this address and this secret. */
async function statusOf(service: ServiceProcess, address: string, secret: string): Promise<number> {
  const body = Buffer.from('{"type":"order.paid"}')
  const id = `evt_${String(sent++)}`
  const headers = signedHeaders(standardWebhooks, body, { secret, nowMs: Date.now(), id })
  const { pathname } = new URL(address, service.url)
  const response = await fetch(`${service.url}${pathname}`, { method: 'POST', headers, body })
  await response.arrayBuffer()
  return response.status
}

/** The status of every promised address with every promised secret. */
async function statuses(service: ServiceProcess, promised: Promised): Promise<readonly number[]> {
  const { addresses, secrets } = promised
  const pairs = addresses.flatMap((address) =>
    secrets.map((secret) => statusOf(service, address, secret)),
  )
  return Promise.all(pairs)
}

async function expectAllValid(
  service: ServiceProcess,
  promised: Promised,
  where: string,
): Promise<void> {
  const found = await statuses(service, promised)
  expect(new Set(found), `${where}: ${found.join(' ')}`).toEqual(new Set([200]))
  const { previous_secret_until: until } = await service.ask(
    receiverDocument,
    `/receivers/${promised.name}`,
  )
  expect(Date.parse(until ?? '1970'), where).toBeGreaterThanOrEqual(
    Date.parse(promised.previousSecretUntil ?? '1970'),
  )
}

test(
  'a service that is killed while addresses and secrets are exchanged accepts all that it promised, and all that vendors still use',
  async () => {
    await using folder = await serviceFolder()
    const random = seededRandom(seed)
    let service = await folder.start()
    const { key } = service
    let lost = 0
    for (let round = 0; round < rounds; round++) {
      const promised = await makeReceiver(service, `rotated-${String(round)}`)
      const answers = Math.floor(random() * 2 * rotations)
      const killAfterMs = random() * longestMs
      const where = `ROTATION_SEED=${String(seed)}, round ${String(round)}, killed ${killAfterMs.toFixed(1)} ms after ${String(answers)} answers`
      const working = [rotateSecret, rotateToken].map((rotate) =>
        rotateUntilKilled(() => rotate(service, promised)),
      )
      const answered = (): number => promised.secrets.length + promised.addresses.length - 2
      while (answered() < answers) await sleep(1)
      await sleep(killAfterMs)
      await service.kill9()
      lost += (await Promise.all(working)).filter((isAnswered) => !isAnswered).length
      service = await folder.start({ key })
      await expectAllValid(service, promised, where)
      // A client that lost a response repeats the request.
      await rotateSecret(service, promised)
      await rotateToken(service, promised)
      await expectAllValid(service, promised, `${where}, then repeated`)
      const [address = ''] = promised.addresses
      const [secret = '', ...older] = promised.secrets
      await service.ask(receiverWithSecretsDocument, `/receivers/${promised.name}/secret`, {
        body: { signing_secret: secret, grace_seconds: 0 },
      })
      expect(await statusOf(service, address, secret), where).toBe(200)
      const ended = await Promise.all(older.map((old) => statusOf(service, address, old)))
      expect(new Set(ended), `${where}: ended ones`).toEqual(new Set([401]))
    }
    process.stdout.write(
      `${String(rounds)} kills while a receiver was changed, ${String(lost)} of ${String(rounds * 2)} answers were lost (ROTATION_SEED=${String(seed)})\n`,
    )
  },
  120_000 + rounds * 60_000,
)
