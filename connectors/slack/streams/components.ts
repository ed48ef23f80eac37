import { registerComponent } from '../../../manifest-interpreter/builder.ts'
import { conversationRetriever } from './conversation-retriever.ts'
import { membersExtractor } from './members-extractor.ts'

/** What the manifest names beside the components of the language. */
export function registerSlackComponents(): void {
  registerComponent('retriever', 'slack.ConversationRetriever', conversationRetriever)
  registerComponent('extractor', 'slack.MembersExtractor', membersExtractor)
}
