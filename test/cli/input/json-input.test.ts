import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readJsonObject } from '../../../cli/input/json-input.ts'
import { userInput } from '../../../cli/input/user-input.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'json-input-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
})

const text = '{"title":"Müller"}'

test.each(['', '@'])(
  'a file is read in UTF-8, with or without the mark of Windows',
  async (sign) => {
    const file = join(folder, 'input.json')
    for (const mark of ['', '\uFEFF']) {
      await writeFile(file, `${mark}${text}`)
      expect(await read(`${sign}${file}`)).toEqual({ value: { title: 'Müller' }, isVisible: false })
    }
  },
)

test.each(['', '@'])('a file in another charset is refused, and not changed', async (sign) => {
  const file = join(folder, 'latin.json')
  await writeFile(file, text, 'latin1')
  await expect(read(`${sign}${file}`)).rejects.toMatchObject({
    code: 'usage',
    message: `The file ${file} for --input cannot be used: its text is not in UTF-8`,
    suggestedFix: expect.stringContaining('iconv') as unknown,
  })
})

function read(value: string): ReturnType<typeof readJsonObject> {
  const { stderr } = process
  const input = userInput({ stdin: new PassThrough(), stderr, exit: () => undefined })
  return readJsonObject('--input', value, input)
}
