import { z } from 'zod'
import { hostAndPort } from '../lib/net/address-fields.ts'

// Brokers and logins as run files name them.

const name = z.string().min(1)

/** `a:9092,b:9092` or a list. */
export const brokersField = z
  .union([name, z.array(name).min(1)])
  .transform((value) =>
    typeof value === 'string' ? value.split(',').map((broker) => broker.trim()) : value,
  )
  .refine(
    (list) => list.every((broker) => hostAndPort.safeParse(broker).success),
    'must be HOST:PORT, or a list of them',
  )

export const saslField = z.strictObject({
  mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']),
  username: name,
  password: z.string(),
})
