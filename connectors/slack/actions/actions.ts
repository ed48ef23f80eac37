import type { Action } from '../../action.ts'
import {
  archiveChannel,
  createChannel,
  inviteToChannel,
  joinChannel,
  openConversation,
  renameChannel,
  setPurpose,
  setTopic,
  unarchiveChannel,
} from './channels.ts'
import { uploadFile } from './files.ts'
import {
  deleteMessage,
  deleteScheduledMessage,
  postEphemeral,
  postMessage,
  scheduleMessage,
  updateMessage,
} from './messages.ts'
import { addReaction, removeReaction } from './reactions.ts'
import { getUser, lookupUserByEmail } from './users.ts'

/** In the order of the documentation. */
export const slackActions: readonly Action[] = [
  postMessage,
  postEphemeral,
  updateMessage,
  deleteMessage,
  scheduleMessage,
  deleteScheduledMessage,
  addReaction,
  removeReaction,
  createChannel,
  renameChannel,
  setTopic,
  setPurpose,
  inviteToChannel,
  joinChannel,
  archiveChannel,
  unarchiveChannel,
  openConversation,
  uploadFile,
  lookupUserByEmail,
  getUser,
]
