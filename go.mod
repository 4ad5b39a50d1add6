module github.com/crossbatch/crossbatch

go 1.26
