/* handover: what tells ThreadSanitizer that gRPC carries memory from thread to thread. Debian's gRPC is built
 * without it, so that the order that a completion queue makes between start_batch and next is out of its
 * sight. Nothing in other builds. Threads: any. Nothing fails. */
#ifndef PATRON_RPC_HANDOVER_H
#define PATRON_RPC_HANDOVER_H

#if defined(__SANITIZE_THREAD__)
#define PATRON_UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PATRON_UNDER_TSAN 1
#endif
#endif

#ifdef PATRON_UNDER_TSAN
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define handover_give(tag) __tsan_release(tag)
#define handover_take(tag) __tsan_acquire(tag)
#else
#define handover_give(tag) ((void)(tag))
#define handover_take(tag) ((void)(tag))
#endif

#endif
