import { z } from 'zod'
import { defineAction } from '../../action.ts'
import { file, foundMessage } from './outputs.ts'
import { slackRequest } from './request.ts'

const search = {
  query: z.string().min(1).max(3000).meta({
    description: 'Words, with modifiers: `deploy in:#general from:@ada after:2026-01-01 has:link`.',
  }),
  sort: z.enum(['score', 'timestamp']).exactOptional().meta({ description: 'Default: score.' }),
  sort_dir: z.enum(['asc', 'desc']).exactOptional().meta({ description: 'Default: desc.' }),
  highlight: z.boolean().exactOptional().meta({
    description: 'True: what was found stands between two characters from U+E000 on.',
  }),
  count: z.int().min(1).max(100).exactOptional().meta({
    description: 'The most matches of a page. Default: 20.',
  }),
  page: z.int().min(1).max(100).exactOptional().meta({ description: 'Default: 1.' }),
  team_id: z.string().exactOptional().meta({ description: 'Of an organization: the workspace.' }),
}

/** Where a page is among all. */
const paging = z
  .looseObject({
    count: z.int().exactOptional(),
    total: z.int().exactOptional(),
    page: z.int().exactOptional(),
    pages: z.int().exactOptional(),
  })
  .exactOptional()

function matchesOf(match: z.ZodType) {
  return z.looseObject({ total: z.int(), matches: z.array(match), paging })
}

export const searchMessages = defineAction({
  name: 'searchMessages',
  title: 'Search messages, with the token of a user, a page at a time',
  effect: 'read',
  idempotency: 'natural',
  input: z
    .object({
      ...search,
      cursor: z.string().min(1).exactOptional().meta({
        description:
          'In the place of `page`: `*` for the first page, then the `response_metadata.next_cursor` of the page before.',
      }),
    })
    .refine(
      ({ page, cursor }) => page === undefined || cursor === undefined,
      'give page or cursor, not both',
    ),
  output: z.looseObject({
    ok: z.literal(true),
    query: z.string().exactOptional(),
    messages: matchesOf(foundMessage),
  }),
  plan: (input, config) => slackRequest(config, 'search.messages', input),
})

export const searchFiles = defineAction({
  name: 'searchFiles',
  title: 'Search files, with the token of a user, a page at a time',
  effect: 'read',
  idempotency: 'natural',
  input: z.object(search),
  output: z.looseObject({
    ok: z.literal(true),
    query: z.string().exactOptional(),
    files: matchesOf(file),
  }),
  plan: (input, config) => slackRequest(config, 'search.files', input),
})
