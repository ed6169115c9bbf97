// franz-go as test_more_clients.py drives it; README.md beside the clients has the commands and what they print.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var (
	background = context.Background()
	address    string
	printing   sync.Mutex
)

type row map[string]interface{}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func show(values row) {
	line, err := json.Marshal(values)
	must(err)
	printing.Lock()
	defer printing.Unlock()
	fmt.Println(string(line))
}

func showRecord(record *kgo.Record) {
	values := row{"partition": record.Partition, "offset": record.Offset, "key": nil, "value": string(record.Value), "header": nil}
	if record.Key != nil {
		values["key"] = string(record.Key)
	}
	for _, header := range record.Headers {
		values["header"] = string(header.Value)
	}
	show(values)
}

func connect(options ...kgo.Opt) *kgo.Client {
	options = append(options, kgo.SeedBrokers(address))
	if os.Getenv("FRANZ_DEBUG") != "" {
		options = append(options, kgo.WithLogger(kgo.BasicLogger(os.Stderr, kgo.LogLevelDebug, nil)))
	}
	client, err := kgo.NewClient(options...)
	must(err)
	return client
}

func produce(topic, codec string, idempotent bool) {
	codecs := map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}
	options := []kgo.Opt{kgo.ProducerBatchCompression(codecs[codec]), kgo.AllowAutoTopicCreation(),
		kgo.ProducerLinger(2 * time.Millisecond)}
	if !idempotent {
		options = append(options, kgo.DisableIdempotentWrite())
	}
	client := connect(options...)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		value := lines.Text()
		record := &kgo.Record{Topic: topic, Key: []byte("key " + value), Value: []byte(value),
			Headers: []kgo.RecordHeader{{Key: "n", Value: []byte(value)}}}
		client.Produce(background, record, func(record *kgo.Record, err error) {
			must(err)
			show(row{"value": string(record.Value), "partition": record.Partition, "offset": record.Offset})
		})
	}
	must(client.Flush(background))
	client.Close()
}

func consume(topic, group string, count int) {
	client := connect(kgo.ConsumeTopics(topic), kgo.ConsumerGroup(group),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	for count > 0 {
		fetches := client.PollFetches(background)
		for _, failure := range fetches.Errors() {
			must(failure.Err)
		}
		fetches.EachRecord(func(record *kgo.Record) {
			showRecord(record)
			count--
		})
	}
	must(client.CommitUncommittedOffsets(background))
	client.Close()
}

// The partitions that a member has; the client calls from its own threads.
type assignment struct {
	guard      sync.Mutex
	partitions map[int32]bool
}

func (assigned *assignment) change(changed []int32, has bool) {
	assigned.guard.Lock()
	defer assigned.guard.Unlock()
	for _, partition := range changed {
		if has {
			assigned.partitions[partition] = true
		} else {
			delete(assigned.partitions, partition)
		}
	}
	all := []int{}
	for partition := range assigned.partitions {
		all = append(all, int(partition))
	}
	sort.Ints(all)
	show(row{"assigned": all})
}

func group(topic, group string) {
	assigned := assignment{partitions: map[int32]bool{}}
	gained := func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
		assigned.change(partitions[topic], true)
	}
	lost := func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
		assigned.change(partitions[topic], false)
	}
	client := connect(kgo.ConsumeTopics(topic), kgo.ConsumerGroup(group), kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.HeartbeatInterval(100*time.Millisecond),
		kgo.SessionTimeout(10*time.Second), kgo.OnPartitionsAssigned(gained), kgo.OnPartitionsRevoked(lost),
		kgo.OnPartitionsLost(lost))
	untilEnd, end := context.WithCancel(background)
	go func() {
		io.Copy(io.Discard, os.Stdin)
		end()
	}()
	for untilEnd.Err() == nil {
		fetches := client.PollFetches(untilEnd)
		for _, failure := range fetches.Errors() {
			if !errors.Is(failure.Err, context.Canceled) {
				must(failure.Err)
			}
		}
		fetches.EachRecord(showRecord)
		must(client.CommitUncommittedOffsets(background))
		client.AllowRebalance()
	}
	client.CloseAllowingRebalance()
}

func configOf(admin *kadm.Client, topic string) map[string]string {
	found, err := admin.DescribeTopicConfigs(background, topic)
	must(err)
	values := map[string]string{}
	for _, entry := range found[0].Configs {
		if entry.Key == "cleanup.policy" || entry.Key == "retention.ms" {
			values[entry.Key] = *entry.Value
		}
	}
	return values
}

func admin(topic, group string) {
	client := connect()
	admin := kadm.NewClient(client)
	brokers, err := admin.ListBrokers(background)
	must(err)
	show(row{"brokers": len(brokers)})
	made := topic + "-made"
	partitions := func() int {
		topics, err := admin.ListTopics(background, made)
		must(err)
		return len(topics[made].Partitions)
	}
	value, altered := "1000000", "2000000"
	created, err := admin.CreateTopics(background, 2, 1, map[string]*string{"retention.ms": &value}, made)
	must(err)
	must(created[made].Err)
	show(row{"partitions": partitions()})
	grown, err := admin.UpdatePartitions(background, 3, made)
	must(err)
	must(grown[made].Err)
	show(row{"grown": partitions()})
	show(row{"config": configOf(admin, made)})
	changes := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: &altered}}
	changed, err := admin.AlterTopicConfigs(background, changes, made)
	must(err)
	must(changed[0].Err)
	show(row{"altered": configOf(admin, made)})
	deleted, err := admin.DeleteTopics(background, made)
	must(err)
	must(deleted[made].Err)
	topics, err := admin.ListTopics(background)
	must(err)
	show(row{"listed": topics.Has(made)})
	offset := func(list func(context.Context, ...string) (kadm.ListedOffsets, error)) int64 {
		offsets, err := list(background, topic)
		must(err)
		must(offsets[topic][0].Err)
		return offsets[topic][0].Offset
	}
	show(row{"earliest": offset(admin.ListStartOffsets), "latest": offset(admin.ListEndOffsets)})
	removal := kadm.Offsets{}
	removal.Add(kadm.Offset{Topic: topic, Partition: 0, At: 4})
	removed, err := admin.DeleteRecords(background, removal)
	must(err)
	must(removed[topic][0].Err)
	show(row{"earliest_left": offset(admin.ListStartOffsets)})
	listed := func() bool {
		groups, err := admin.ListGroups(background)
		must(err)
		_, found := groups[group]
		return found
	}
	show(row{"group_listed": listed()})
	described, err := admin.DescribeGroups(background, group)
	must(err)
	show(row{"group_state": described[group].State})
	committed, err := admin.FetchOffsets(background, group)
	must(err)
	show(row{"committed": committed[topic][0].At})
	_, err = admin.DeleteGroups(background, group)
	must(err)
	show(row{"group_left": listed()})
	client.Close()
}

func refused(what string, err error) {
	name := "NONE"
	var known *kerr.Error
	if errors.As(err, &known) {
		name = known.Message
	} else if err != nil {
		name = err.Error()
	}
	show(row{what: name})
}

func refusals(topic, derived string) {
	client := connect(kgo.ProducerBatchMaxBytes(20<<20), kgo.BrokerMaxWriteBytes(64<<20),
		kgo.ProducerBatchCompression(kgo.NoCompression()))
	admin := kadm.NewClient(client)
	create := func(name string, replication int16, retention string) error {
		answers, err := admin.CreateTopics(background, 1, replication, map[string]*string{"retention.ms": &retention}, name)
		must(err)
		return answers[name].Err
	}
	refused("existing_topic", create(topic, 1, "1000000"))
	refused("topic_name", create("a b", 1, "1000000"))
	refused("replication", create("none", 3, "1000000"))
	refused("config", create("none", 1, "soon"))
	fewer, err := admin.UpdatePartitions(background, 1, topic)
	must(err)
	refused("fewer_partitions", fewer[topic].Err)
	deleted, err := admin.DeleteTopics(background, "none")
	must(err)
	refused("unknown_topic", deleted["none"].Err)
	_, err = admin.DeleteGroups(background, "none")
	var each *kadm.ShardErrors
	if errors.As(err, &each) {
		err = each.Errs[0].Err
	}
	refused("unknown_group", err)
	send := func(topic, value string) error {
		return client.ProduceSync(background, &kgo.Record{Topic: topic, Value: []byte(value)}).FirstErr()
	}
	refused("too_large", send(topic, strings.Repeat("x", 17<<20)))
	refused("derived", send(derived, "x"))
	client.Close()
	beyond := map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(1000)}}
	consumer := connect(kgo.ConsumePartitions(beyond), kgo.ConsumeResetOffset(kgo.NoResetOffset()))
	refused("offset", consumer.PollFetches(background).Err())
	consumer.Close()
	transactional := connect(kgo.TransactionalID("t"))
	refused("transaction", transactional.BeginTransaction())
	transactional.Close()
}

func main() {
	address = os.Args[1]
	rest := os.Args[3:]
	switch os.Args[2] {
	case "produce":
		produce(rest[0], rest[1], len(rest) > 2)
	case "consume":
		count, err := strconv.Atoi(rest[2])
		must(err)
		consume(rest[0], rest[1], count)
	case "group":
		group(rest[0], rest[1])
	case "admin":
		admin(rest[0], rest[1])
	case "errors":
		refusals(rest[0], rest[1])
	}
}
