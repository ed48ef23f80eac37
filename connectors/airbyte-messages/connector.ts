import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { configuredAirbyteCatalog } from '../../protocol/catalog.ts'
import { ConnectError } from '../../protocol/index.ts'
import type { Connector, ReadSession } from '../connector.ts'
import { MessageFeed } from './message-feed.ts'

/**
 * The messages of an Airbyte source on standard input, as a feed (ADR 21): the other half of `reactor connect
 * destination`. It reads them once, so that nothing can be read again in this process.
 * @param file the configured catalog
 */
export function airbyteMessagesConnector(type: string, file: string): Connector {
  return {
    descriptor: {
      type,
      title: 'Messages on standard input',
      docsUrl: 'docs/connectors/airbyte-process.md',
      spec: { type: 'object', properties: {} },
      auth: [],
      webhooks: [],
      addressFields: () => [],
    },
    check: () => Promise.resolve({ status: 'SUCCEEDED' }),
    discover: () =>
      Promise.resolve().then(() => ({
        streams: readCatalog(file).streams.map(({ stream }) => stream),
      })),
    openRead: (_config, _context, streams = []) => Promise.resolve(openSession(streams.length)),
    read: (task, out, context) => {
      const { members } = sessionFacts.parse(task.session)
      feed ??= new MessageFeed({ members, logger: context.logger })
      return feed.read(task, out, context)
    },
  }
}

/** Shared by all streams: a process has one standard input. */
let feed: MessageFeed | undefined

const sessionFacts = z.object({ members: z.number() })

/** The configured catalog in a file. Throws `source_file_unusable`. */
export function readCatalog(file: string): z.infer<typeof configuredAirbyteCatalog> {
  try {
    return configuredAirbyteCatalog.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : String(error)
    throw new ConnectError('source_file_unusable', { details: { file, reason }, cause: error })
  }
}

function openSession(members: number): ReadSession {
  return {
    shared: { members },
    isFeed: true,
    plan: (_stream, states) => Promise.resolve([{ slice: '', state: states.get('') ?? null }]),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
