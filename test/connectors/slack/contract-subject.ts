import { fillAcme } from '../../fakes/slack/acme.ts'
import { botToken, SlackSimulator } from '../../fakes/slack/slack-simulator.ts'
import type { ContractSubject } from '../connector-contract.ts'

/** A Slack workspace with some hundred users and messages. */
export async function openSlackSubject(): Promise<ContractSubject> {
  const slack = await SlackSimulator.start()
  fillAcme(slack.data)
  slack.data.now = Math.floor(Date.now() / 1000)
  return {
    config: { access_token: botToken, api_url: slack.apiUrl },
    cursorOf: ({ default_cursor_field: [field = ''] = [] }) => field,
    repeatsNewest: true,
    [Symbol.asyncDispose]: () => slack[Symbol.asyncDispose](),
  }
}
