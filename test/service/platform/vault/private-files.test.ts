import { describe, expect, test } from 'vitest'
import { privacyProblem, type Entry } from '../../../../service/platform/vault/private-files.ts'

const folder = '/srv/connect/vault'
const names = new Map([
  [0, 'root'],
  [65534, 'nobody'],
])

/** Returns the problem of a folder of user 65534, as `user` sees it. */
function problem(entry: Partial<Entry>, user: number) {
  const whole = { name: '', uid: 65534, mode: 0o700, isLink: false, ...entry }
  return privacyProblem(whole, { folder, user, names })
}

describe('what is not private to this user', () => {
  test('a folder and files of this user alone are', () => {
    expect(problem({}, 65534)).toBeUndefined()
    expect(problem({ name: 'vault.json', mode: 0o600 }, 65534)).toBeUndefined()
  })

  test('root is told to run it as the owner of the folder, and takes nothing away', () => {
    const found = problem({}, 0)
    expect(found?.reason).toBe(
      `${folder} belongs to user nobody (65534), and this runs as root (0)`,
    )
    expect(found?.fix).toContain('Run this as user nobody (65534)')
    expect(found?.fix).toContain('sudo -u nobody')
    expect(found?.fix).not.toContain('chown')
    expect(problem({ uid: 4711 }, 0)?.fix).toContain("sudo -u '#4711'")
  })

  test('another user may also be the right one, and the folder restored by root', () => {
    const found = problem({ uid: 0 }, 65534)
    expect(found?.reason).toContain('belongs to user root (0), and this runs as nobody (65534)')
    expect(found?.fix).toContain('Run this as user root (0)')
    expect(found?.fix).toContain(`sudo chown -R 65534 '${folder}'`)
  })

  test('a file of another user in the folder of this one is given to it, and no folder above', () => {
    const found = problem({ name: 'vault.json', uid: 0, mode: 0o600 }, 65534)
    expect(found?.reason).toContain(`${folder}/vault.json belongs to user root (0)`)
    expect(found?.fix).toBe(`Run \`sudo chown -R 65534 '${folder}'\`, then start again.`)
  })

  test('modes are closed', () => {
    for (const name of ['', 'vault.json', `${'a'.repeat(64)}.secrets`]) {
      const found = problem({ name, mode: 0o640 }, 65534)
      expect(found?.reason).toMatch(/^others on this machine can reach .+: its mode is 640$/)
      expect(found?.fix).toBe(`Run \`chmod -R go= '${folder}'\`, then start again.`)
    }
  })

  test('a link is removed, if it is no file of secrets', () => {
    const found = problem({ name: 'vault.json', isLink: true, mode: 0o777 }, 65534)
    expect(found?.reason).toContain('is a symbolic link')
    expect(found?.fix).toContain(`rm '${folder}/vault.json'`)
  })

  test.each(['.secrets', '.secrets.replaced-1764'])(
    'what is in place of one file, or belongs to another, concerns that file alone: %s',
    (suffix) => {
      const name = 'a'.repeat(64) + suffix
      expect(problem({ name, isLink: true, mode: 0o777 }, 65534)).toBeUndefined()
      expect(problem({ name, uid: 1, mode: 0 }, 65534)).toBeUndefined()
    },
  )
})
