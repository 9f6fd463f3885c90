// Package cloudevents turns events into CloudEvents 1.0 in their JSON format,
// one object a line, and back. It is what firn export writes and firn import
// reads, and what is appended over HTTP.
//
//	CloudEvents                  Firn
//	id                           the event's id. One that is no UUID is kept, and the event gets the UUIDv5 of source and id
//	source                       kept; "firn" where there is none to keep
//	type                         the type
//	subject                      the stream
//	time                         in:  when it occurred
//	                             out: when it occurred, or was recorded where that is not said
//	datacontenttype              the content type; application/json where it is missing
//	data, data_base64            the data: data where it is JSON, else data_base64; none of the two: no data
//	dataschema                   kept
//	firnrevision, firnposition   the place in the store where the event was first recorded
//	firnschema                   the schema version, where it is not 0
//	firntime                     out: when this store recorded it; in: ignored
//	correlationid, causationid   the same
//	traceparent, tracestate      members of the metadata
//	firnmetadata                 all other metadata, as JSON in a string
//	firnmetadatabase64           the same, where it is not UTF-8
//	any other attribute          kept
//
// What is kept has no place of its own in an event. It stands in the last
// member of its metadata, under the attributes' own names:
//
//	{"traceparent":"00-…","cloudevents":{"source":"coselog/permits","id":"A-17"}}
//
// Metadata that is not a JSON object, or has a member "cloudevents" of another
// shape, is never touched; then nothing can be kept beside it.
//
// So what [Append] writes, [Parse] reads, and a store appends, comes out of
// Append again as the same bytes apart from firntime.
package cloudevents
