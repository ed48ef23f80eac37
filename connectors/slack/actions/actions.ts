import type { Action } from '../../action.ts'
import {
  archiveChannel,
  createChannel,
  getChannel,
  inviteToChannel,
  joinChannel,
  listChannels,
  openConversation,
  removeFromChannel,
  renameChannel,
  setPurpose,
  setTopic,
  unarchiveChannel,
} from './channels.ts'
import { uploadFile } from './files.ts'
import { getHistory, getPermalink, getReplies } from './history.ts'
import {
  deleteMessage,
  deleteScheduledMessage,
  postEphemeral,
  postMessage,
  scheduleMessage,
  updateMessage,
} from './messages.ts'
import { addReaction, removeReaction } from './reactions.ts'
import { searchFiles, searchMessages } from './search.ts'
import { getUser, listChannelMembers, listUsers, lookupUserByEmail } from './users.ts'

/** In the order of the documentation. */
export const slackActions: readonly Action[] = [
  postMessage,
  postEphemeral,
  updateMessage,
  deleteMessage,
  scheduleMessage,
  deleteScheduledMessage,
  getHistory,
  getReplies,
  getPermalink,
  addReaction,
  removeReaction,
  listChannels,
  getChannel,
  listChannelMembers,
  createChannel,
  renameChannel,
  setTopic,
  setPurpose,
  inviteToChannel,
  removeFromChannel,
  joinChannel,
  archiveChannel,
  unarchiveChannel,
  openConversation,
  uploadFile,
  listUsers,
  lookupUserByEmail,
  getUser,
  searchMessages,
  searchFiles,
]
