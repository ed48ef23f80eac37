import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { userInput, type UserStreams } from '../../../cli/input/user-input.ts'

function terminal(): UserStreams & {
  readonly stdin: PassThrough
  readonly exits: number[]
  shown(): string
} {
  let shown = ''
  const exits: number[] = []
  return {
    stdin: Object.assign(new PassThrough(), { isTTY: true }),
    stderr: {
      isTTY: true,
      write: (text) => {
        shown += text
      },
    },
    exit: (code) => exits.push(code),
    exits,
    shown: () => shown,
  }
}

describe('a question for a secret', () => {
  test('does not show the answer', async () => {
    const streams = terminal()
    const answer = userInput(streams).askSecret('token: ')
    streams.stdin.write('kit-secret\r')
    expect(await answer).toBe('kit-secret')
    expect(streams.shown()).toBe('token: \n')
  })

  test('that nobody answers is a wrong command, not a mistake of ours', async () => {
    const refused = { code: 'usage', message: 'The question was not answered' }
    const byCtrlD = terminal()
    const left = userInput(byCtrlD).askSecret('token: ')
    byCtrlD.stdin.write('\u0004')
    await expect(left).rejects.toMatchObject(refused)

    const hungUp = terminal()
    const lost = userInput(hungUp).askSecret('token: ')
    hungUp.stdin.end()
    await expect(lost).rejects.toMatchObject(refused)

    const signalled = terminal()
    const ended = userInput(signalled).askSecret('token: ')
    signalled.stdin.destroy()
    await expect(ended).rejects.toMatchObject(refused)
    await expect(userInput(signalled).askSecret('again: ')).rejects.toMatchObject(refused)
  })

  test('is left by Ctrl-C', async () => {
    const streams = terminal()
    void userInput(streams).askSecret('token: ')
    streams.stdin.write('kit-\u0003')
    await expect.poll(() => streams.exits).toEqual([130])
  })
})

test('nobody is asked through a pipe, which is read to its end', async () => {
  const streams = { ...terminal(), stdin: new PassThrough() }
  const input = userInput(streams)
  expect(input.canAsk).toBe(false)
  streams.stdin.write('{"a":')
  streams.stdin.end('1}')
  expect(await input.readAll()).toBe('{"a":1}')
})

describe('a question for a confirmation', () => {
  test.each([
    ['y\r', true],
    ['Yes\r', true],
    ['\r', false],
    ['n\r', false],
    ['yesterday\r', false],
  ])('is answered with %j: %j', async (typed, expected) => {
    const streams = terminal()
    const answer = userInput(streams).confirm('Delete it?')
    streams.stdin.write(typed)
    expect(await answer).toBe(expected)
    expect(streams.shown()).toContain('Delete it? [y/N] ')
    expect(streams.shown()).toContain(typed.trim())
  })

  test('that nobody answers is a wrong command', async () => {
    const streams = terminal()
    const left = userInput(streams).confirm('Delete it?')
    streams.stdin.write('\u0004')
    await expect(left).rejects.toMatchObject({ code: 'usage' })
  })
})

describe('standard input', () => {
  test('is text in UTF-8, with or without the mark of Windows', async () => {
    const streams = terminal()
    streams.stdin.end('\uFEFF{"title":"Müller"}')
    expect(await userInput(streams).readAll()).toBe('{"title":"Müller"}')
  })

  test('in another charset is refused, and not changed', async () => {
    const streams = terminal()
    streams.stdin.end(Buffer.from('{"title":"Müller"}', 'latin1'))
    await expect(userInput(streams).readAll()).rejects.toMatchObject({
      code: 'usage',
      message: 'Standard input cannot be used: its text is not in UTF-8',
    })
  })
})
