import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  Kafka,
  logLevel,
  ResourcePatternTypes,
  type Admin,
} from 'kafkajs'
import type { KafkaServers } from '../../kafka/kafka-servers.ts'
import { calmRequestQueues } from '../../kafka/request-queue.ts'
import { freePort } from '../../service/platform/postgres/free-port.ts'
import { startKafka } from './kafka.ts'

/** A right as Kafka's ACLs have it. */
export interface Right {
  readonly resource: 'TOPIC' | 'TRANSACTIONAL_ID' | 'GROUP'
  /** A name, or the beginning of names with `*` behind it. */
  readonly name: string
  readonly operation: keyof typeof AclOperationTypes
}

export interface SecuredKafka extends AsyncDisposable {
  /** Where nobody logs in, and everything is allowed. */
  readonly open: KafkaServers
  /** For this user. */
  serversOf(user: string): KafkaServers
  allow(user: string, rights: readonly Right[]): Promise<void>
  asAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T>
}

/**
 * A broker with StandardAuthorizer, which denies what was not allowed. Each user has its name with
 * `-password` behind it as password.
 */
export async function startSecuredKafka(users: readonly string[]): Promise<SecuredKafka> {
  const port = await freePort()
  const passwords = Object.fromEntries(users.map((user) => [user, passwordOf(user)]))
  const broker = await startKafka({ secured: { port, users: passwords } })
  const open = { brokers: broker.brokers, clientId: 'test', ssl: false }
  const asAdmin = async <T>(work: (admin: Admin) => Promise<T>): Promise<T> => {
    calmRequestQueues()
    const admin = new Kafka({ brokers: [...broker.brokers], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    try {
      return await work(admin)
    } finally {
      await admin.disconnect()
    }
  }
  return {
    open,
    serversOf: (user) => ({
      brokers: [`127.0.0.1:${String(port)}`],
      clientId: 'test',
      ssl: false,
      sasl: { mechanism: 'plain', username: user, password: passwordOf(user) },
    }),
    allow: async (user, rights) => {
      await asAdmin((admin) => admin.createAcls({ acl: rights.map((right) => aclOf(user, right)) }))
    },
    asAdmin,
    [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
  }
}

export function passwordOf(user: string): string {
  return `${user}-password`
}

function aclOf(
  user: string,
  { resource, name, operation }: Right,
): Parameters<Admin['createAcls']>[0]['acl'][number] {
  const isPrefix = name.endsWith('*')
  return {
    resourceType: AclResourceTypes[resource],
    resourceName: isPrefix ? name.slice(0, -1) : name,
    resourcePatternType: isPrefix ? ResourcePatternTypes.PREFIXED : ResourcePatternTypes.LITERAL,
    operation: AclOperationTypes[operation],
    permissionType: AclPermissionTypes.ALLOW,
    principal: `User:${user}`,
    host: '*',
  }
}
