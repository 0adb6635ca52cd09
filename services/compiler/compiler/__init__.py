"""The prompt compiler: JobRequested in, PromptCompiled or JobFailed out. Second stop of a job, after the gateway."""
