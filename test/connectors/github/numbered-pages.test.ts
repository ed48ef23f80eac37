import { expect, test } from 'vitest'
import { pageFrom } from '../../../connectors/github/streams/numbered-pages.ts'

test('a page reaches back to an offset and goes on beyond it, in each list that GitHub pages to its end', () => {
  for (let offset = 1; offset <= 40_000; offset += 1) {
    const { size, index } = pageFrom(offset)
    const isPage = size >= 1 && size <= 100 && size * index <= offset
    if (!isPage || size * (index + 1) <= offset + 1)
      expect.fail(`offset ${String(offset)}: page ${String(index)} of ${String(size)}`)
  }
})

test('a page that would begin before the list is the first one', () => {
  for (const offset of [-100, -1, 0, 1, 98])
    expect(pageFrom(offset), String(offset)).toEqual({ size: 100, index: 0 })
})

test('a list of a thousand records takes two pages more than it has to', () => {
  let pages = 1
  for (let read = 100; read < 1_000; pages += 1) {
    const { size, index } = pageFrom(read - 1)
    read = size * (index + 1)
  }
  expect(pages).toBe(12)
})
