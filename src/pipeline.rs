//! A parallel map on all cores that keeps the order of its tasks, in bounded memory.

use std::ops::ControlFlow;
use std::sync::mpsc::sync_channel;
use std::thread;

/// The number of threads for CPU-bound work: one per core, at most sixteen, since each holds some megabytes of work.
#[must_use]
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZero::get).min(MOST_WORKERS)
}

/// More threads would only wait for the one that produces their tasks.
const MOST_WORKERS: usize = 16;

/// Hands over a task; answers `false` if no more are wanted.
pub type Feed<'a, T> = &'a mut dyn FnMut(T) -> bool;

/// Produces tasks on one thread, works on `workers` others, and consumes the results in the order of their tasks on the calling
/// thread. Each worker holds at most one waiting task, one task in work, and one waiting result.
///
/// # Errors
/// The first error of `consume`, else that of `produce`. Either ends everything, and drops the tasks in work.
///
/// # Panics
/// If one of the threads does.
pub fn in_order<T: Send, R: Send, E: Send>(
    workers: usize,
    produce: impl FnOnce(Feed<'_, T>) -> Result<(), E> + Send,
    work: impl Fn(T) -> R + Sync,
    mut consume: impl FnMut(R) -> Result<ControlFlow<()>, E>,
) -> Result<(), E> {
    thread::scope(|scope| {
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        for _ in 0..workers.max(1) {
            let (input, tasks) = sync_channel::<T>(1);
            let (output, results) = sync_channel::<R>(1);
            let work = &work;
            scope.spawn(move || {
                for task in tasks {
                    if output.send(work(task)).is_err() {
                        return;
                    }
                }
            });
            inputs.push(input);
            outputs.push(results);
        }
        let producer = scope.spawn(move || {
            let mut turns = inputs.iter().cycle();
            produce(&mut |task| turns.next().is_some_and(|input| input.send(task).is_ok()))
        });
        let mut consumed = Ok(());
        // Tasks go round the workers: the first worker without a result would have had the task after the last one.
        for results in outputs.iter().cycle() {
            let Ok(result) = results.recv() else { break };
            match consume(result) {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => break,
                Err(error) => {
                    consumed = Err(error);
                    break;
                }
            }
        }
        drop(outputs);
        consumed.and(producer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn squares(workers: usize, tasks: u64, stop_at: u64) -> (Result<(), String>, Vec<u64>) {
        let mut seen = Vec::new();
        let result = in_order(
            workers,
            |feed| {
                for task in 0..tasks {
                    if !feed(task) {
                        return Ok(());
                    }
                }
                if tasks == 13 { Err("thirteen".to_owned()) } else { Ok(()) }
            },
            |task| {
                // Later tasks of a round take less time.
                let turns = (0..(97 - task % 97) * 100).map(std::hint::black_box).sum::<u64>();
                assert!(turns < u64::MAX);
                task * task
            },
            |square| {
                seen.push(square);
                match square {
                    49 if stop_at == 49 => Err("forty-nine".to_owned()),
                    _ if square == stop_at => Ok(ControlFlow::Break(())),
                    _ => Ok(ControlFlow::Continue(())),
                }
            },
        );
        (result, seen)
    }

    #[test]
    fn results_come_in_the_order_of_their_tasks() {
        for workers in [0, 1, 2, 7] {
            for tasks in [0, 1, 2, 3, 500] {
                let due: Vec<u64> = (0..tasks).map(|task| task * task).collect();
                assert_eq!(squares(workers, tasks, u64::MAX), (Ok(()), due), "{workers} workers, {tasks} tasks");
            }
        }
    }

    #[test]
    fn it_stops_on_request_and_reports_errors() {
        assert_eq!(squares(3, 1_000_000, 16), (Ok(()), vec![0, 1, 4, 9, 16]));
        assert_eq!(squares(3, 1_000_000, 49).0, Err("forty-nine".to_owned()));
        let (result, seen) = squares(3, 13, u64::MAX);
        assert_eq!((result, seen.len()), (Err("thirteen".to_owned()), 13), "tasks before the error are used");
    }
}
