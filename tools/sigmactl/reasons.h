/* SPDX-License-Identifier: MIT
 *
 * What a reason for which a line or a sample is refused means, as a sentence for people. The words
 * themselves, fit for labels, are those of statsd_reason_name() and loss_reason_name().
 */
#ifndef TOOLS_SIGMACTL_REASONS_H
#define TOOLS_SIGMACTL_REASONS_H

/* Of enum statsd_reason or enum loss_reason; without a LF. "" where the word says it all. */
const char *reason_sentence(unsigned reason);

#endif
