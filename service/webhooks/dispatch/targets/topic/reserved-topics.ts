import type { TargetProblem } from '../contract.ts'

/**
 * The first parts of names that are taken, as Kafka compares names: `.` and `_` are the same. A topic
 * `connect_shop_orders` would keep `connect.shop.orders` from being created, and a foreign message in one of
 * the service's topics would end the runs that read it.
 */
const owners = [
  { begins: 'connect_', shown: 'connect.', owner: 'the service' },
  // The checkpoints and the messages about rows of the destination `topic:`.
  { begins: 'connect-', shown: 'connect-', owner: 'the service' },
  { begins: '__', shown: '__', owner: 'Kafka itself' },
] as const

/** Why events may not go to a topic of this name. */
export function reservedTopicProblem(name: string): TargetProblem | undefined {
  const compared = name.replaceAll('.', '_')
  const found = owners.find(({ begins }) => compared.startsWith(begins))
  if (found === undefined) return undefined
  return {
    reason: `topics that begin with \`${found.shown}\` belong to ${found.owner}${found.begins.includes('_') ? ', and Kafka does not distinguish `.` from `_` in names' : ''}`,
    fix: 'Choose another name for the topic.',
  }
}
