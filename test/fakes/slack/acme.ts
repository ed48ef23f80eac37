import type { WorkspaceData } from './workspace-data.ts'

/** ts of a message on a day of January 2026, in the order of the numbers. */
export function ts(day: number, number = 1): string {
  return `${String(Date.UTC(2026, 0, day) / 1000)}.${String(number).padStart(6, '0')}`
}

/**
 * 450 users, three channels that the app is in and one that it is not. #general has 422 messages and a
 * thread.
 */
export function fillAcme(data: WorkspaceData): void {
  for (let number = 1; number <= 450; number += 1) {
    const name = `user${String(number)}`
    const profile = { email: `${name}@acme.example`, real_name: name }
    data.users.push({ id: `U${String(number)}`, name, deleted: false, is_bot: false, profile })
  }
  data.addChannel('C1', 'general')
  data.addChannel('C2', 'random')
  data.addChannel('C3', 'elsewhere', { is_member: false })
  data.addChannel('G1', 'secret', { is_private: true })
  data.members.set(
    'C1',
    data.users.map(({ id }) => id ?? ''),
  )
  data.members.set('C2', ['U1', 'U2'])
  for (let number = 1; number <= 420; number += 1) data.say('C1', ts(5, number))
  data.say('C1', ts(6), { reactions: [{ name: 'wave', count: 2, users: ['U1', 'U2'] }] })
  for (let number = 1; number <= 3; number += 1)
    data.say('C1', ts(6, number + 1), { parent: ts(6), user: 'U2' })
  data.say('C1', ts(6, 9), { parent: ts(6), subtype: 'thread_broadcast' })
  data.say('C1', ts(8, 2))
  data.say('C2', ts(7), { text: 'Hello', reactions: [{ name: '+1', count: 1, users: ['U1'] }] })
  data.say('C3', ts(7, 2))
  data.say('G1', ts(8))
  for (let number = 1; number <= 5; number += 1)
    data.files.push({ id: `F${String(number)}`, created: Date.UTC(2026, 0, number) / 1000 })
  data.userGroups.push({ id: 'S1', team_id: 'T1', name: 'Admins', handle: 'admins', users: ['U1'] })
}
