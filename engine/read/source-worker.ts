import { connectorOf } from '../../connectors/registry.ts'
import type { ConnectorContext } from '../../connectors/connector.ts'
import { cutText, endsOfSecret, passedCharacters } from '../../protocol/index.ts'
import type { JobResult, SourceAnswer, SourceEvent, SourceJob } from '../threads/protocol.ts'
import { ConfigBorrower, runJob } from '../threads/worker-side.ts'

export async function askSource(job: SourceJob): Promise<JobResult<SourceAnswer>> {
  return runJob(job, async ({ logger, signal }) => {
    const connector = await connectorOf(job.type)
    await using borrower = new ConfigBorrower(job.events, signal)
    const post = (event: SourceEvent): void => {
      job.events.postMessage(event)
    }
    const context: ConnectorContext = {
      logger,
      signal,
      allowedNetworks: job.allowedNetworks,
      configChanged: (config) => {
        post({ type: 'config_changed', config })
      },
      secretFound: (text) => {
        for (const part of endsOfSecret(text)) post({ type: 'secret_found', text: part })
      },
      changeConfig: (change) => borrower.change(change),
      now: Date.now,
    }
    const { config, question } = job
    if (question === 'check') {
      const { message, status } = await connector.check(config, context)
      if (message === undefined) return { question, status: { status } }
      return { question, status: { status, message: cutText(message, passedCharacters) } }
    }
    return { question, catalog: await connector.discover(config, context) }
  })
}
