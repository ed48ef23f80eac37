import { registerComponent } from '../../../manifest-interpreter/builder.ts'
import { onceRetriever } from '../../http/once-retriever.ts'
import { conversationRetriever } from './conversation-retriever.ts'
import { membersExtractor } from './members-extractor.ts'
import { wholeHistory } from './whole-history.ts'

/** Registers the components that the manifest names beside those of the language. */
export function registerSlackComponents(): void {
  registerComponent('retriever', 'http.OnceRetriever', onceRetriever)
  registerComponent('retriever', 'slack.ConversationRetriever', conversationRetriever)
  registerComponent('paginationStrategy', 'slack.WholeHistory', wholeHistory)
  registerComponent('extractor', 'slack.MembersExtractor', membersExtractor)
}
